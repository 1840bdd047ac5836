/** Events that have come and are not yet read, and readers that wait for one. */

/** Each event goes to one reader, in order; readers that come first wait. */
export class EventQueue<Event> implements AsyncIterable<Event> {
  readonly #events: Event[] = [];
  readonly #readers: ((result: IteratorResult<Event>) => void)[] = [];
  #ended = false;

  push(event: Event): void {
    const reader = this.#readers.shift();
    if (reader === undefined) this.#events.push(event);
    else reader({ done: false, value: event });
  }

  end(): void {
    this.#ended = true;
    for (const reader of this.#readers.splice(0)) reader({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): AsyncIterator<Event> {
    return {
      next: () =>
        new Promise((resolve) => {
          const event = this.#events.shift();
          if (event !== undefined) resolve({ done: false, value: event });
          else if (this.#ended) resolve({ done: true, value: undefined });
          else this.#readers.push(resolve);
        }),
    };
  }
}
