// A node's disk as one of its threads sees it: what the disk answers comes once that thread turns, while
// the others go on.

import type {Disk} from '@flotilla/base';

type Post = (letter: () => void) => void;

export function diskOf(disk: Disk, post: Post): Disk {
  return answeredBy(disk, post);
}

/** All its promises, and those of the files it gives. */
function answeredBy<Port extends object>(port: Port, post: Post): Port {
  return new Proxy(port, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...asked: unknown[]): unknown => {
        const answer: unknown = member.apply(target, asked);
        return answer instanceof Promise ? posted(answer, post) : answer;
      };
    },
  });
}

function posted(answer: Promise<unknown>, post: Post): Promise<unknown> {
  return new Promise((resolve, reject) => {
    answer.then(
      (value) => post(() => resolve(isFile(value) ? answeredBy(value, post) : value)),
      (error: unknown) => post(() => reject(error)),
    );
  });
}

function isFile(value: unknown): value is object {
  return typeof value === 'object' && value !== null && 'readAt' in value;
}
