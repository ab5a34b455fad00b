// Whether JSON that a state machine kept can be its durable point: who votes follows from it.

import {shape} from '@flotilla/base';

const {count, fieldsOf, flag, listOf} = shape;
const members = listOf(count);

/** @see DurablePoint */
export const durablePointShape: shape.Check = fieldsOf({
  index: count,
  term: count,
  configuration: fieldsOf({
    voters: members,
    votersOutgoing: members,
    learners: members,
    learnersNext: members,
    autoLeave: flag,
  }),
});
