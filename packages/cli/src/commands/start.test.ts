import {expect, it} from 'vitest';
import {explainTakenPort, renderHints} from './start.ts';

it('names the taken port and the flag', () => {
  const taken = Object.assign(new Error('listen'), {code: 'EADDRINUSE', port: 8902});
  expect(String(explainTakenPort(taken, '127.0.0.1:8902'))).toMatch(
    /port 8902 \(HTTP\) is taken: .* --listen 127\.0\.0\.1:8912$/,
  );
  const wrapped = new Error('cannot start', {cause: {code: 'EADDRINUSE', port: 8903}});
  expect(String(explainTakenPort(wrapped, '127.0.0.1:8902'))).toMatch(/port 8903 \(gRPC/);
  const other = new Error('other');
  expect(explainTakenPort(other, '127.0.0.1:8902')).toBe(other);
});

it('shows a write and a read that can be pasted', () => {
  const lines = renderHints('http://127.0.0.1:8902').split('\n');
  expect(lines.filter((line) => line.includes("curl 'http://127.0.0.1:8902/api/v1/")).length).toBe(
    2,
  );
});
