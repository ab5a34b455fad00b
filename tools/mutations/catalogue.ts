// All mutations, by the layer they are in.

import {DESTROYING_MUTATIONS} from './destroying.ts';
import {HOST_MUTATIONS} from './host.ts';
import type {Mutation} from './mutation.ts';
import {OPERATIONS_MUTATIONS} from './operations.ts';
import {RAFT_MUTATIONS} from './raft.ts';
import {RECOVERY_MUTATIONS} from './recovery.ts';
import {UPPER_MUTATIONS} from './upper.ts';

export const MUTATIONS: readonly Mutation[] = [
  ...RAFT_MUTATIONS,
  ...HOST_MUTATIONS,
  ...UPPER_MUTATIONS,
  ...OPERATIONS_MUTATIONS,
  ...RECOVERY_MUTATIONS,
  ...DESTROYING_MUTATIONS,
];

/** The one that FLOTILLA_MUTATION names. */
export function activeMutation(): Mutation | undefined {
  const id = process.env['FLOTILLA_MUTATION'];
  if (id === undefined || id === '') return undefined;
  const mutation = MUTATIONS.find((one) => one.id === id);
  if (mutation === undefined) throw new Error(`no mutation is named ${id}`);
  return mutation;
}
