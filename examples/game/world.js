// The board and who stands where. It knows nothing of networks, so it can be changed and tested without one.

const SIZE = 8;
const STEPS = new Map([
  ['n', [0, -1]],
  ['e', [1, 0]],
  ['s', [0, 1]],
  ['w', [-1, 0]],
]);

export class World {
  /** Name → [x, y]; 0,0 is the north-west corner. */
  #places = new Map();

  /** Puts somebody on the first free field, row by row; returns where, or undefined where that cannot be. */
  enter(name) {
    if (this.#places.has(name)) return undefined;
    for (let field = 0; field < SIZE * SIZE; field++) {
      const place = [field % SIZE, Math.floor(field / SIZE)];
      if (this.#isFree(place)) return this.#put(name, place);
    }
    return undefined;
  }

  /** One step; returns where to, or undefined where a wall or somebody is. */
  move(name, direction) {
    const step = STEPS.get(direction);
    if (!step) return undefined;
    const place = this.#places.get(name).map((at, axis) => at + step[axis]);
    const inside = place.every((at) => at >= 0 && at < SIZE);
    return inside && this.#isFree(place) ? this.#put(name, place) : undefined;
  }

  leave(name) {
    this.#places.delete(name);
  }

  /** Everybody, as `ada 0,0 bob 1,0`. */
  describe() {
    return [...this.#places].map(([name, place]) => `${name} ${place}`).join(' ');
  }

  #put(name, place) {
    this.#places.set(name, place);
    return place.join(',');
  }

  #isFree(place) {
    return [...this.#places.values()].every((other) => other.join() !== place.join());
  }
}
