import {expect, test} from 'vitest';
import {checkTiming, TIMINGS} from './timing.ts';

test('every preset agrees with itself', () => {
  for (const timing of Object.values(TIMINGS)) checkTiming(timing);
});

test('times that contradict each other are refused', () => {
  const bad = [{beatMs: 200}, {suspectMaxMs: 400}, {electionTicks: 4}, {lateMs: 800}, {tickMs: 0}];
  for (const change of bad) expect(() => checkTiming({...TIMINGS.local, ...change})).toThrow('BUG');
});
