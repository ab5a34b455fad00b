// The copy thread's entry.

import {stepBehind} from '../jobs/step-behind.ts';

stepBehind();
await import('./copying.ts');
