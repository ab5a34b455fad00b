// `node --import` this with FLOTILLA_MUTATION=<id>: the one file that the mutation names is loaded
// changed, in this thread and in the worker threads started from it.

import {registerHooks} from 'node:module';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import {activeMutation} from './catalogue.ts';
import {mutatedSource, ROOT} from './mutation.ts';

const mutation = activeMutation();

if (mutation !== undefined) {
  const target = pathToFileURL(path.join(ROOT, mutation.file)).href;
  registerHooks({
    load(url, context, nextLoad) {
      if (url !== target) return nextLoad(url, context);
      return {format: 'module-typescript', source: mutatedSource(mutation), shortCircuit: true};
    },
  });
}
