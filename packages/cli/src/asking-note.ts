// Tells a person whom a command asks, while nobody has answered it yet: where an address is wrong, or a node
// stands still, a command that says nothing looks as if it did something.

import {ProgressBar} from './progress-bar.ts';
import type {OutputStream} from './terminal.ts';

/** Sooner most nodes have answered, and a note would only flicker. */
const NOTE_AFTER_MS = 300;

/** As FlotillaClient tells of its tries. Where the stream is no terminal nothing is said. */
export function noteAsked(stream: OutputStream): (url: string) => (isAnswered: boolean) => void {
  const note = new ProgressBar(stream);
  let isOver = false;
  return (url) => {
    const show = (): void => note.update(undefined, `asking ${url}, no answer yet`);
    const timer = isOver ? undefined : setTimeout(show, NOTE_AFTER_MS);
    return (isAnswered) => {
      clearTimeout(timer);
      // From here on the command shows what it does.
      isOver ||= isAnswered;
      note.clear();
    };
  };
}
