import {expect, test} from 'vitest';
import {linesOf, series, specOf, WHOLE_TABLE} from './replica-model.fixture.ts';
import {Trial} from './replica-trial.fixture.ts';

test('a part that could not be read once is asked for again', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 3, step: 1_000}, 1));
  await trial.step({type: 'flush', isAwaited: true});
  trial.fixture.disk.fail({operation: 'read', path: '.part'});
  const scan = trial.storage.scan(specOf(WHOLE_TABLE));
  await expect(linesOf(scan)).rejects.toThrow('EIO');
  scan.close();
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});
