import path from 'node:path';
import {expect, test} from 'vitest';
import {doorOf} from './door-note.ts';

test.each([
  ['127.0.0.1:8902', 'http://127.0.0.1:8902'],
  ['10.0.0.1:8902', 'http://10.0.0.1:8902'],
  ['0.0.0.0:8902', 'http://127.0.0.1:8902'],
])('a node that listens on %s is found at %s', (listen, url) => {
  expect(doorOf({listen})).toEqual({url});
});

test('with TLS by its own files, wherever the one who asks stands', () => {
  const tls = {ca: 'ca.crt', cert: '/etc/node.crt', key: '/etc/node.key'};
  expect(doorOf({listen: '0.0.0.0:8902', tls})).toEqual({
    url: 'https://127.0.0.1:8902',
    tls: {ca: path.resolve('ca.crt'), cert: '/etc/node.crt', key: '/etc/node.key'},
  });
});
