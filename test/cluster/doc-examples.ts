// The examples of a page: blocks marked `console`, in which a line that begins with `$ ` is a command
// and what follows is its output. `...` stands for anything, a line of its own or the rest of one.

import {readFileSync} from 'node:fs';
import path from 'node:path';

export interface DocExample {
  readonly command: string;
  /** Lines. */
  readonly output: readonly string[];
}

/** Of a page below docs/, in their order. */
export function docExamples(page: string): DocExample[] {
  const text = readFileSync(path.resolve(import.meta.dirname, '../../docs', page), 'utf8');
  const blocks = [...text.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(([, block]) => block!);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((example) => {
        const [command = '', ...output] = example.trimEnd().split('\n');
        return {command, output};
      }),
  );
}

/** Matches what the page shows; trailing blanks do not count. */
export function patternOf({output}: DocExample): RegExp {
  const lines = output.map((line) => {
    if (line === '...') return '[\\s\\S]*?';
    return `${line.split('...').map(escapePattern).join('.*')}[ \\r]*\\n?`;
  });
  return new RegExp(`^${lines.join('')}\\s*$`);
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
