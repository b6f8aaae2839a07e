import { Liquid } from "liquidjs";
import { textOf } from "./template-data.js";
import { filters, removedFilters } from "./template-filters.js";
import { FilterMistake } from "./template-mistake.js";

/** Tags that would read other templates. */
const removedTags = ["include", "render", "layout", "block"];

/**
 * Liquid as classes may use it: no files, no chance, no clock.
 *
 * Its own limits end most of what runs away with a message that says where; they are cooperative, and known to have
 * gaps (liquidjs issues 776, 908, 910), so the process's limits are what counts.
 */
export const engine = new Liquid({
  ownPropertyOnly: true,
  strictFilters: true,
  strictVariables: true,
  // `{% if x %}` and `x | default: …` may ask for what is not there.
  lenientIf: true,
  dynamicPartials: false,
  relativeReference: false,
  timezoneOffset: 0,
  locale: "en-US",
  outputEscape: textOf,
  fs: {
    exists: async () => false,
    existsSync: () => false,
    readFile: () => Promise.reject(new Error("no files")),
    readFileSync: () => {
      throw new Error("no files");
    },
    resolve: (_root, file) => file,
  },
  parseLimit: 65_536,
  renderLimit: 1_000,
  memoryLimit: 16_000_000,
});
for (const tag of removedTags) delete engine.tags[tag];
for (const filter of removedFilters) delete engine.filters[filter];
type FilterThis = { context: { memoryLimit: { use(count: number): void } } };
type Filter = (this: FilterThis, value: unknown, ...more: unknown[]) => unknown;
for (const [name, filter] of Object.entries(filters)) {
  engine.registerFilter(name, function (this: FilterThis, value: unknown, ...more: unknown[]) {
    const made = filter(value, ...more);
    // Node keeps long texts that it made of bytes outside the heap, whose limit does not count them.
    if (typeof made === "string") this.context.memoryLimit.use(made.length);
    return made;
  });
}
for (const name of Object.keys(engine.filters).filter((one) => one.startsWith("date"))) {
  const original = engine.filters[name] as Filter;
  engine.registerFilter(name, function (this: FilterThis, value: unknown, ...more: unknown[]) {
    if (value === "now" || value === "today")
      throw new FilterMistake(`${name} takes no "${value}": the file would change with every reading`);
    return original.call(this, value, ...more);
  });
}
