// The three statements of InfluxQL that clients send before they write. Everything else is one kind:
// unknown. Names are words or stand in double quotes, with \" \\ and \n inside.

export type InfluxStatement =
  | {readonly kind: 'show-databases'}
  | {readonly kind: 'create-database' | 'drop-database'; readonly name: string}
  | {readonly kind: 'unknown'};

/**
 * A blank, a comment, a quoted name, a string, a word, a semicolon, or any other character. What is
 * opened and not closed is one token to the end, so that no text is looked through twice.
 */
const TOKEN =
  /\s+|--[^\n]*|\/\*(?:.*?\*\/|.*)|"(?:[^"\\]|\\.)*(?:"|\\?$)|'(?:[^'\\]|\\.)*(?:'|\\?$)|\w+|;|./gs;
const IS_SKIPPED = /^(?:\s|--|\/\*.*\*\/$)/s;
const IS_QUOTED = /^"(?:[^"\\]|\\.)+"$/s;
const IS_WORD = /^[A-Za-z_]\w*$/;

/** Empty statements, as after the last semicolon, are none. */
export function parseInfluxStatements(text: string): InfluxStatement[] {
  const statements: string[][] = [[]];
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === ';') statements.push([]);
    else if (!IS_SKIPPED.test(token)) statements.at(-1)!.push(token);
  }
  return statements.filter((tokens) => tokens.length > 0).map(parseTokens);
}

function parseTokens(tokens: readonly string[]): InfluxStatement {
  const [verb, object, name, ...rest] = tokens;
  const words = `${verb} ${object}`.toUpperCase();
  if (words === 'SHOW DATABASES' && name === undefined) return {kind: 'show-databases'};
  const identifier = identifierOf(name);
  if (identifier === undefined) return {kind: 'unknown'};
  // Duration, replication and name of a retention policy: a database's options are set by SQL.
  const isEnded = rest.length === 0 || (rest[0]!.toUpperCase() === 'WITH' && rest.length > 1);
  if (words === 'CREATE DATABASE' && isEnded) return {kind: 'create-database', name: identifier};
  if (words === 'DROP DATABASE' && rest.length === 0)
    return {kind: 'drop-database', name: identifier};
  return {kind: 'unknown'};
}

function identifierOf(token = ''): string | undefined {
  if (IS_WORD.test(token)) return token.toUpperCase() === 'WITH' ? undefined : token;
  if (!IS_QUOTED.test(token)) return undefined;
  return token
    .slice(1, -1)
    .replaceAll(/\\(.)/gs, (pair, escaped: string) => ESCAPES[escaped] ?? pair);
}

const ESCAPES: Readonly<Record<string, string>> = {n: '\n', '"': '"', '\\': '\\'};
