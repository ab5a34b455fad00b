// How each cluster of processes begins.

export interface Startable {
  /** One for each node. */
  readonly urls: readonly string[];
  startNode(i: number): void;
  ready(node: number): Promise<void>;
  stop(): Promise<void>;
}

/** Resolves once all are ready, and what is `settled` holds; else none is left running. */
export async function startAll(
  cluster: Startable,
  settled: () => Promise<void> = async () => undefined,
): Promise<void> {
  try {
    for (const i of cluster.urls.keys()) cluster.startNode(i);
    await Promise.all(cluster.urls.map((_, i) => cluster.ready(i)));
    await settled();
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}
