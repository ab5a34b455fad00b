// The compaction thread's entry.

import {stepBehind} from '../jobs/step-behind.ts';

stepBehind();
await import('./merging.ts');
