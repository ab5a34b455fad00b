// `npm run sim`.

import {runSimulatorCommand} from './runs/command.ts';

process.exitCode = await runSimulatorCommand(process.argv.slice(2), (text) =>
  process.stdout.write(text),
);
