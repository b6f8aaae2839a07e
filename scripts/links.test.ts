import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const pages = [".", "docs", "bench", "e2e", "fuzz", "deploy/chart", ".github"].flatMap((directory) =>
  readdirSync(join(root, directory))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(directory, name)),
);
const prose = (page: string) => readFileSync(join(root, page), "utf8").replaceAll(/```[\s\S]*?```/g, "");

/** As GitHub makes them of headings. */
const anchorsOf = (page: string) =>
  [...prose(page).matchAll(/^#{1,6} (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );

const links = pages.flatMap((page) =>
  [...prose(page).matchAll(/\]\(([^()\s]+)\)/g)]
    .map(([, target]) => ({ page, target: target! }))
    .filter(({ target }) => !/^[a-z]+:/.test(target)),
);

test.each(links)("$page: $target is there", ({ page, target }) => {
  const [path = "", anchor] = target.split("#");
  const file = path === "" ? page : join(dirname(page), path);
  expect(relative(root, join(root, file))).not.toMatch(/^\.\./);
  expect(existsSync(join(root, file))).toBe(true);
  if (anchor !== undefined) expect(anchorsOf(file)).toContain(anchor);
});

test("docs/README.md lists every page beside it, and README.md leads there", () => {
  const linked = links.filter(({ page }) => page === join("docs", "README.md")).map(({ target }) => target);
  const others = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md") && name !== "README.md");
  expect(others.filter((name) => !linked.includes(name))).toEqual([]);
  expect(links).toContainEqual({ page: "README.md", target: "docs/README.md" });
});
