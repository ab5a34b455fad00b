// Whether JSON can be a deletion, or the condition on tags that it carries.

import {shape} from '@flotilla/base';

/** Of conditions in each other, which are carried out by recursion. */
const DEPTH_MAX = 1_000;

const LEAVES: Readonly<Record<string, shape.Check>> = {
  in: shape.fieldsOf({column: shape.count, values: shape.listOf(shape.text)}),
  compare: shape.fieldsOf({column: shape.count, with: shape.textOf(/^[<>]=?$/), value: shape.text}),
  match: shape.fieldsOf({
    column: shape.count,
    pattern: shape.text,
    ignoreCase: shape.absentOr(shape.flag),
  }),
  null: shape.fieldsOf({column: shape.count}),
};

/** @see Deletion */
export const deletionShape: shape.Check = shape.fieldsOf({
  table: shape.count,
  startOffset: shape.offset,
  endOffset: shape.offset,
  tags: shape.absentOr((value, path) => checkTags(value, path, 0)),
});

/** A `TagPredicate`. */
function checkTags(value: unknown, path: string, depth: number): void {
  const {op, of} = (value ?? {}) as Readonly<Record<string, unknown>>;
  const inner: shape.Check = (each, at) => checkTags(each, at, depth + 1);
  if (depth > DEPTH_MAX) throw shape.wrong(path, `conditions no deeper than ${DEPTH_MAX}`, op);
  if (op === 'not') return inner(of, path);
  if (op === 'and' || op === 'or') return shape.listOf(inner)(of, path);
  const leaf = typeof op === 'string' && Object.hasOwn(LEAVES, op) ? LEAVES[op] : undefined;
  if (leaf === undefined) throw shape.wrong(`${path}.op`, 'a condition', op);
  leaf(value, path);
}
