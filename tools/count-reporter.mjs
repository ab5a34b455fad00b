// A vitest reporter that leaves the counts in the file named by FLOTILLA_TEST_COUNT. A module that
// failed to load and an unhandled error count as a failed test each: neither may pass unseen.

import {writeFileSync} from 'node:fs';

export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const file = process.env.FLOTILLA_TEST_COUNT;
    if (!file) return;
    const totals = {passed: 0, failed: unhandledErrors.length, skipped: 0};
    for (const module of modules) {
      totals.failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const {state} = test.result();
        if (state === 'passed' || state === 'failed') totals[state] += 1;
        else totals.skipped += 1;
      }
    }
    writeFileSync(file, JSON.stringify(totals));
  }
}
