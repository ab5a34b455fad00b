// A number with its noun, as a person would say it.

/** `counted(1, 'row')` is "1 row", `counted(2, 'row')` is "2 rows". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
