/**
 * For a promise whose failure another holder of it sees: keeps Node from taking it for unhandled here.
 * Resolves when the promise is settled, either way.
 */
export async function handledElsewhere(promise: Promise<unknown>): Promise<void> {
  await Promise.allSettled([promise]);
}
