// A connection of HTTP/1.1 that has one POST under way at a time. Node's own client takes four times the CPU of it, 73 to
// 121 us a row in place of 18 to 20 (64 connections, busy machine): on one machine a benchmark takes that away from the
// servers that it measures.

import net from 'node:net';

/** An answer is a head alone, or little more. */
const ANSWER_BYTES_MAX = 65_536;
const END_OF_HEAD = '\r\n\r\n';

interface Waiting {
  resolve(): void;
  reject(error: Error): void;
}

export class HttpConnection {
  readonly #url: URL;
  /** Up to the body's length. */
  readonly #head: string;
  #socket: net.Socket | undefined;
  #answer = '';
  #waiting: Waiting | undefined;

  constructor(url: string) {
    this.#url = new URL(url);
    const {host, pathname, search} = this.#url;
    const lines = [
      `POST ${pathname}${search} HTTP/1.1`,
      `host: ${host}`,
      'content-type: text/plain',
    ];
    this.#head = `${lines.join('\r\n')}\r\ncontent-length: `;
  }

  /**
   * Resolves when the server has answered 204; rejects for any other answer and where the connection breaks, which
   * the next one makes anew. `body` is ASCII. Requires that the last one was answered.
   */
  post(body: string): Promise<void> {
    if (this.#waiting !== undefined) throw new Error('a request is under way on this connection');
    return new Promise((resolve, reject) => {
      this.#waiting = {resolve, reject};
      this.#socket ??= this.#connect();
      this.#socket.write(`${this.#head}${body.length}${END_OF_HEAD}${body}`, 'latin1');
    });
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
    this.#answer = '';
  }

  #connect(): net.Socket {
    const {hostname, port} = this.#url;
    const buffer = Buffer.allocUnsafe(4_096);
    const callback = (length: number): boolean => {
      this.#take(buffer.toString('latin1', 0, length));
      return true;
    };
    const onread = {buffer, callback};
    const socket = net.connect({host: hostname, port: Number(port), noDelay: true, onread});
    // 'close' follows, with nothing of why.
    let why = 'the server closed it';
    socket.once('error', (error) => {
      why = error.message;
    });
    socket.once('close', () => {
      // It was given up, and the request under way is another connection's.
      if (this.#socket !== socket) return;
      this.close();
      this.#end(new Error(`connection to ${this.#url.host} ended before an answer: ${why}`));
    });
    return socket;
  }

  #take(text: string): void {
    this.#answer += text;
    const headLength = this.#answer.indexOf(END_OF_HEAD);
    if (headLength < 0) {
      if (this.#answer.length > ANSWER_BYTES_MAX)
        this.#socket?.destroy(new Error('a head without end'));
      return;
    }
    const status = this.#answer.slice(9, 12);
    if (status === '204') {
      this.#answer = '';
      this.#end();
      return;
    }
    // Told with as much of its body as has come; where that ends does not matter, as nothing more is read.
    const {host} = this.#url;
    const error = new Error(`${host} answered ${status}: ${this.#answer.slice(headLength).trim()}`);
    this.close();
    this.#end(error);
  }

  #end(error?: Error): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (error === undefined) waiting?.resolve();
    else waiting?.reject(error);
  }
}
