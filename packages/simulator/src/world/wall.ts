// How far a node's wall clock is off.

export class Wall {
  #skewMs = 0;
  /** Of whoever must know of jumps that last for moments. */
  onJump: () => void = () => {};

  get skewMs(): number {
    return this.#skewMs;
  }

  jump(byMs: number): void {
    this.#skewMs += byMs;
    this.onJump();
  }
}
