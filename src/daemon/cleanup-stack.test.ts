import { expect, test } from "vitest";
import { CleanupStack } from "./cleanup-stack.js";

test("undoes in reverse, each although another failed, and only once", async () => {
  const undone: string[] = [];
  const releases = new CleanupStack();
  releases.add(() => void undone.push("first"));
  releases.add(() => Promise.reject(new Error("stuck")));
  releases.add(async () => void undone.push("third"));
  await expect(releases.run()).rejects.toMatchObject({ errors: [new Error("stuck")] });
  expect(undone).toEqual(["third", "first"]);
  await releases.run();
  expect(undone).toHaveLength(2);
});
