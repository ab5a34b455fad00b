// A scenario file as data: comments and blank lines pass through; a block is a command, its input,
// `----` and its answer.

import {assert} from '@flotilla/base';
import {LabScript, parseCommand} from './script.ts';

/** The same file with the answers that its commands get now. */
export function replayScenario(text: string): string {
  const script = new LabScript();
  const out: string[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; ) {
    const line = lines[at]!;
    if (line === '' || line.startsWith('#')) {
      out.push(line);
      at++;
      continue;
    }
    const bar = lines.indexOf('----', at);
    assert(bar !== -1, () => `no ---- after ${line}`);
    const input = lines.slice(at + 1, bar);
    out.push(line, ...input, '----', script.run(parseCommand(line, input)));
    at = bar + 1;
    while (at < lines.length && lines[at] !== '') at++;
  }
  return out.join('\n');
}
