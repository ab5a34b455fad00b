import fastify from 'fastify';
import {expect, test} from 'vitest';
import {BodyBudget} from './body-budget.ts';

function budgetedApp(maxBytes: number) {
  const app = fastify({bodyLimit: 1000});
  const budget = new BodyBudget(maxBytes);
  app.addContentTypeParser('*', {parseAs: 'buffer'}, (_request, body, done) => done(null, body));
  budget.attach(app);
  const waiting: (() => void)[] = [];
  app.post('/', async () => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return 'ok';
  });
  return {app, budget, waiting};
}

function post(app: ReturnType<typeof fastify>, bytes: number) {
  return app.inject({
    method: 'POST',
    url: '/',
    headers: {'content-type': 'x/y'},
    payload: Buffer.alloc(bytes),
  });
}

test('what does not fit beside the bodies in flight is refused, and fits when they are done', async () => {
  const {app, budget, waiting} = budgetedApp(1000);
  const first = post(app, 600);
  await expect.poll(() => waiting.length).toBe(1);
  expect(budget.usedBytes).toBe(600);
  const second = await post(app, 600);
  expect(second.json()).toMatchObject({code: 'OVERLOADED'});
  expect(budget.usedBytes).toBe(600);
  const third = post(app, 400);
  await expect.poll(() => waiting.length).toBe(2);
  expect(budget.usedBytes).toBe(1000);
  for (const finish of waiting) finish();
  expect((await first).statusCode).toBe(200);
  expect((await third).statusCode).toBe(200);
  expect(budget.usedBytes).toBe(0);
});

test('requests without a body, unknown routes and refused bodies hold nothing', async () => {
  const {app, budget} = budgetedApp(10_000);
  await app.inject({method: 'GET', url: '/nowhere'});
  await app.inject({method: 'POST', url: '/nowhere', payload: 'x'});
  expect((await post(app, 2000)).statusCode).toBe(413);
  expect(budget.usedBytes).toBe(0);
});
