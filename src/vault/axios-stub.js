/** Stands in for axios in the bundle: node-vault requires it, keymount's own transport takes its place, nobody calls it. */
module.exports = {
  create() {
    throw new Error("axios is not part of keymount");
  },
};
