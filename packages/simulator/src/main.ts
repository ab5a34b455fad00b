// `npm run sim`.

import {endWithReader} from '@flotilla/testkit';
import {runSimulatorCommand} from './runs/command.ts';

endWithReader();
process.exitCode = await runSimulatorCommand(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
