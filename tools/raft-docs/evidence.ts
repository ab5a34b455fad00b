// What shows a statement or a trap: a scenario of the laboratory, or a test by its title. Named here, so
// that the page can link it and a test can see that it exists.

export interface Scenario {
  readonly scenario: string;
}

export interface NamedTest {
  /** From the project's root. */
  readonly file: string;
  /** As it stands in the file. */
  readonly title: string;
}

export type Evidence = Scenario | NamedTest;

export interface Row {
  readonly id?: string;
  readonly text: string;
  /** Empty: nothing shows it yet, and the page says so. */
  readonly shown: readonly Evidence[];
  readonly note?: string;
}

export function scenarios(...names: string[]): Scenario[] {
  return names.map((scenario) => ({scenario}));
}

export function raft(file: string, ...titles: string[]): NamedTest[] {
  return at(`packages/raft/src/${file}.test.ts`, ...titles);
}

export function host(file: string, ...titles: string[]): NamedTest[] {
  return at(`packages/multiraft/src/${file}.test.ts`, ...titles);
}

export function at(file: string, ...titles: string[]): NamedTest[] {
  return titles.map((title) => ({file, title}));
}

/** Random trouble for one group, under the laws that `simulation/laws.ts` numbers. */
export const SIMULATION = raft(
  'simulation/simulation',
  'the laws hold under random trouble, and the group recovers',
);
