// The named steps of the disk at which a process is killed, in the order of one store's growth. In most scenes
// one life is killed; where a step only comes once another was not finished, two follow each other.

import type {StepInLife} from './life.ts';

export type Scene = readonly StepInLife[];

const SEGMENT = '/log/segment-\\d+$';
const NEW_SEGMENT = '/log/segment-\\d+\\.new$';
/** A file keeps the path that it was opened by. */
const RECORD = '/log/segment-';
const PART = '\\.part$';
const KEYS = '\\.keys$';
const REPLICA = '/replicas/1-11$';
const END = '/log/end';
const ANY = '';

type Rest = readonly [StepInLife['call'], string, StepInLife['moment'], nth?: number];

const during =
  (phase: StepInLife['during']) =>
  (...[call, path, moment, nth]: Rest): StepInLife => ({during: phase, call, path, moment, nth});
const opening = during('opening');
const writing = during('writes');
const merging = during('compaction');
const closing = during('closing');

const TORN = writing('write', RECORD, 'half', 3);
const STRANGER = merging('write', PART, 'half');

export const SCENES: readonly (readonly [name: string, scene: Scene])[] = [
  ['first segment torn', [opening('write', NEW_SEGMENT, 'half')]],
  ['first segment not named', [opening('rename', NEW_SEGMENT, 'before')]],
  ['first segment named', [opening('rename', NEW_SEGMENT, 'after')]],
  ['replica made', [opening('write', RECORD, 'after', 2)]],
  ['directory of the first part not named', [writing('sync directory', '/replicas$', 'before')]],
  ['first part made', [writing('create', PART, 'after')]],
  ['torn record found', [TORN, opening('truncate', RECORD, 'before')]],
  ['torn record cut off', [TORN, opening('truncate', RECORD, 'after')]],
  ['last record torn as it is written again', [TORN, opening('write', RECORD, 'half')]],
  ['record written', [writing('write', RECORD, 'after', 12)]],
  ['part torn', [writing('write', PART, 'half', 2)]],
  ['part not synced', [writing('sync', PART, 'before')]],
  ['part synced', [writing('sync', PART, 'after')]],
  ['keys made', [writing('create', KEYS, 'after')]],
  ['keys torn', [writing('write', KEYS, 'half')]],
  ['keys synced', [writing('sync', KEYS, 'after')]],
  ['names synced', [writing('sync directory', REPLICA, 'after')]],
  ['flush not committed', [writing('commit', ANY, 'before')]],
  ['flush committed', [writing('commit', ANY, 'after')]],
  ['third flush committed', [writing('commit', ANY, 'after', 3)]],
  ['stranger found', [STRANGER, opening('remove', PART, 'before')]],
  ['stranger removed', [STRANGER, opening('remove', PART, 'after')]],
  ['merged part synced', [merging('sync', PART, 'after')]],
  ['merge not committed', [merging('commit', ANY, 'before')]],
  ['merge committed', [merging('commit', ANY, 'after')]],
  ['no merged part removed', [merging('remove', PART, 'before')]],
  ['one merged part removed', [merging('remove', PART, 'after')]],
  ['segment torn', [writing('write', NEW_SEGMENT, 'half')]],
  ['segment not named', [writing('rename', NEW_SEGMENT, 'before')]],
  ['segment named', [writing('rename', NEW_SEGMENT, 'after')]],
  ['segment not removed', [opening('remove', SEGMENT, 'before')]],
  ['segment removed', [opening('remove', SEGMENT, 'after')]],
  ['last flush not committed', [closing('commit', ANY, 'before')]],
  ['last flush committed', [closing('commit', ANY, 'after')]],
  ['end torn', [closing('write', END, 'half')]],
  ['end not named', [closing('rename', END, 'before')]],
  ['end named', [closing('rename', END, 'after')]],
];
