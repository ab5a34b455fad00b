// `npm run sim`.

import {runSimulatorCommand} from './runs/command.ts';

process.exitCode = await runSimulatorCommand(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
