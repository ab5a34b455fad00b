import fc from 'fast-check';
import {expect, it} from 'vitest';
import {splitStatements} from './statements.ts';

it.each([
  ['SELECT 1', [], 'SELECT 1'],
  ['SELECT 1;', ['SELECT 1'], ''],
  ['a; b;c', ['a', 'b'], 'c'],
  ["SELECT ';' ; x", ["SELECT ';'"], 'x'],
  ["SELECT 'it''s;';", ["SELECT 'it''s;'"], ''],
  ['SELECT "a;b";', ['SELECT "a;b"'], ''],
  ['a -- no; end\n;', ['a -- no; end'], ''],
  ['a /* ; /* ; */ ; */ ;', ['a /* ; /* ; */ ; */'], ''],
  ['SELECT $$;$$, $x$ ; $$ $x$;', ['SELECT $$;$$, $x$ ; $$ $x$'], ''],
  ['SELECT $1;', ['SELECT $1'], ''],
  [';; -- only this\n', [], ''],
  ["SELECT 'open; ", [], "SELECT 'open;"],
  ['a; /* open ; ', ['a'], ''],
])('%j', (text, statements, rest) => {
  expect(splitStatements(text)).toEqual({statements, rest});
});

it('finds as many statements as were joined', () => {
  const quoted = fc.string({maxLength: 8}).map((text) => `'${text.replaceAll("'", "''")}'`);
  const statement = fc.oneof(
    quoted,
    quoted.map((text) => `SELECT ${text}, 1`),
  );
  fc.assert(
    fc.property(fc.array(statement), (all) => {
      expect(splitStatements(all.map((each) => `${each} ;\n`).join(''))).toEqual({
        statements: all,
        rest: '',
      });
    }),
  );
});
