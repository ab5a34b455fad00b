// Which fragments need no rows of a block that lies in one group (docs/decisions/0017): those whose conditions
// the scan carries out, whose keys are tags and one bin of the time, and whose aggregates are of columns.

import type {BlockNeed, BlockRequest} from '@flotilla/column';
import type {AggregateSpec, Fragment, FragmentInput, GroupsWork, ValueType} from '../plan/plan.ts';

/** @param isOneGroup  by times; undefined: the keys of a row must be looked at */
export function blockRequest(
  {filter, inputs, scan}: Fragment,
  {aggregates}: GroupsWork,
  isOneGroup: BlockRequest['isOneGroup'] | undefined,
): BlockRequest | undefined {
  if (filter !== undefined || isOneGroup === undefined) return undefined;
  const needs = scan.fields.map(() => new Set<BlockNeed>());
  for (const aggregate of aggregates) {
    if (aggregate.argument === undefined) continue;
    const input = inputOf(aggregate, inputs);
    if (input === undefined) return undefined;
    const need = needOf(aggregate);
    if (input.source !== 'field') {
      if (need === 'sum') return undefined;
      continue;
    }
    if (need !== 'count' && !isNumber(input.type)) return undefined;
    needs[input.index]!.add(need);
  }
  return {needs, isOneGroup};
}

export function inputOf(
  {argument}: AggregateSpec,
  inputs: readonly FragmentInput[],
): FragmentInput | undefined {
  return argument?.op === 'input' ? inputs[argument.input] : undefined;
}

function needOf({name}: AggregateSpec): BlockNeed {
  return name === 'avg' ? 'sum' : name;
}

/** Of others blocks have no statistics. */
function isNumber(type: ValueType): boolean {
  return type === 'float' || type === 'integer' || type === 'unsigned';
}
