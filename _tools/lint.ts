/** Rules of `deno lint` for the sources: what costs with V8 and does not show in the code. */

/** From so many properties on, V8 makes what a literal yields a hash table. */
const LARGE = 128;

const plugin: Deno.lint.Plugin = {
  name: "causeway",
  rules: {
    "small-literals": {
      create: (context) => ({
        ObjectExpression(node) {
          if (node.properties.length < LARGE) return;
          context.report({
            node,
            message:
              `A literal with ${node.properties.length} properties is a hash table to V8, slow to access`,
            hint: `Spread several literals, each of fewer than ${LARGE} properties.`,
          });
        },
      }),
    },
    "outer-generators": {
      create: (context) => {
        const check = (node: Deno.lint.FunctionDeclaration | Deno.lint.FunctionExpression): void => {
          if (!node.generator || node.parent.type === "MethodDefinition") return;
          const around = context.sourceCode.getAncestors(node);
          if (!around.some(({ type }) => /Function/.test(type))) return;
          context.report({
            node,
            message:
              "Each closure of a generator function has a hidden class of its own, which V8 collects seldom, and " +
              "which keeps all alive that the closure sees",
            hint: "Make it a function of the module or a method.",
          });
        };
        return { FunctionDeclaration: check, FunctionExpression: check };
      },
    },
  },
};

export default plugin;
