// Entry of `npm run faults`.

import {endWithReader} from '@flotilla/testkit';
import {runNemesis} from './nemesis.ts';
import {type Options, readOptions, USAGE} from './options.ts';
import {renderJson, renderReport} from './report.ts';

const EXIT = {ok: 0, violations: 1, usage: 2} as const;

async function main(options: Options): Promise<number> {
  const startMs = performance.now();
  const say = (text: string) => {
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1).padStart(7);
    process.stderr.write(`${seconds} ${text}\n`);
  };
  const report = await runNemesis(options, say);
  const text = options.json ? renderJson(report) : renderReport(report);
  process.stdout.write(`${text}\n`);
  return report.violations.length === 0 ? EXIT.ok : EXIT.violations;
}

function read(): Options | undefined {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n(--help shows how)\n`);
    return undefined;
  }
}

endWithReader();
const options = read();
if (options === undefined) process.exitCode = EXIT.usage;
else if (options.help) process.stdout.write(USAGE);
else process.exitCode = await main(options);
