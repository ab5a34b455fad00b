// What the cluster's own comparisons say: one more of every set at the end, and all that were made during the
// run, after which a replica that differed was made anew and would be seen by nobody.

import {type FlotillaClient, isFinal, type Operation} from '@flotilla/client';
import {until} from '../../cluster/waiting.ts';

const DIFFERS = /\bdiffers? from\b/;
const ABSENT = /could not be asked/;

/** Replicas that were found to differ, and comparisons that came to no end. Requires that all is at rest. */
export async function checksumFaults(client: FlotillaClient): Promise<readonly string[]> {
  const {admin} = client;
  const begun = new Set<Operation['id']>();
  const sets = (await admin.replicaSets()).filter(({state}) => state === 'open');
  for (const {id} of sets) {
    // The cluster may just compare it by itself.
    await until(`set ${id} can be compared`, async () => {
      begun.add((await admin.checksumReplicaSet(id)).id);
      return true;
    });
  }
  const isOpen = (one: Operation) => begun.has(one.id) && !isFinal(one);
  await until('all sets are compared', async () => !(await admin.operations()).some(isOpen));
  const comparisons = (await admin.operations()).filter(({kind}) => kind === 'checksum');
  return comparisons.flatMap(({id, state, replicaSet, result, error}) => {
    const found = `checksum ${id} of set ${replicaSet}`;
    if (DIFFERS.test(result ?? '')) return [`${found}: ${result}`];
    if (!begun.has(id)) return [];
    if (state !== 'done') return [`${found} is ${state}: ${String(error)}`];
    return ABSENT.test(result ?? '') ? [`${found}: ${result}`] : [];
  });
}
