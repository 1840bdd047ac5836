/** Verbs of marmita-init as root of a user namespace, below the public interface. */

/** Run one verb; the namespace is made once and stays for the life of this process. */
export async function runInside(verb, options) {
  const { runVerb } = await import("../dist/native/helper.js");
  const namespace = await mapped();
  return runVerb(verb, { ...options, namespace });
}

/** Remove what may hold files of mapped ids. */
export async function removeMapped(path) {
  await runInside("remove", { args: [path] });
}

let namespace;

async function mapped() {
  const { openNamespace } = await import("../dist/runtime/namespace.js");
  namespace ??= openNamespace();
  return (await namespace).namespace;
}
