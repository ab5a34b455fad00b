import {readFileSync} from 'node:fs';
import {expect, test} from 'vitest';
import {generateProto} from '../../../tools/proto.mjs';

test('the generated code is what proto/ says now; else run `npm run proto`', () => {
  const read = (name: string) =>
    readFileSync(new URL(`./generated/${name}`, import.meta.url), 'utf8');
  const {script, types} = generateProto();
  expect(read('protocol.js') === script && read('protocol.d.ts') === types).toBe(true);
});
