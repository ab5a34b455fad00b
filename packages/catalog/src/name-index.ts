// Names inside a scope (a tenant's databases, a database's tables) to ids. A name leads to one id.

export class NameIndex<Id extends number> {
  readonly #scopes = new Map<number, Map<string, Id>>();

  get(scope: number, name: string): Id | undefined {
    return this.#scopes.get(scope)?.get(name);
  }

  /** The entity `id` had the name `from` and now has `to`; absent: it has none that can be looked up. */
  move(scope: number, from: string | undefined, to: string | undefined, id: Id): void {
    if (from === to) return;
    const names = this.#scopes.get(scope) ?? new Map<string, Id>();
    if (from !== undefined && names.get(from) === id) names.delete(from);
    if (to !== undefined) names.set(to, id);
    if (names.size === 0) this.#scopes.delete(scope);
    else this.#scopes.set(scope, names);
  }
}
