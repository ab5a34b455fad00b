// The contract with the server package's entry, as `start` uses it.

export interface StartNodeOptions {
  readonly dataDirectory: string;
  /** host:port of HTTP; gRPC listens on the next port. */
  readonly listen: string;
  readonly advertise?: string | undefined;
  readonly join?: readonly string[] | undefined;
  readonly bootstrap?: boolean | undefined;
  readonly engineThreads?: number | undefined;
  readonly zone?: string | undefined;
  readonly log?: 'pretty' | 'json' | undefined;
}

export interface RunningNode {
  readonly address: string;
  /** Resolves with the exit code once the node has stopped, by itself or by `stop`. */
  readonly stopped: Promise<number>;
  stop(): Promise<void>;
}

export interface ServerEntry {
  startNode(options: StartNodeOptions): Promise<RunningNode>;
}
