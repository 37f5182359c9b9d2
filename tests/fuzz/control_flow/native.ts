/** Whether the processor of this machine can take part. */

/**
 * What is missing for it, or undefined. Other than the comparison of single instructions this one does with a processor of
 * any vendor, as programs leave no undefined result behind.
 */
export async function whyNoProcessor(): Promise<string | undefined> {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return "an x86-64 Linux host";
  try {
    const { success } = await new Deno.Command("gcc", { args: ["--version"], stdout: "null", stderr: "null" })
      .output();
    return success ? undefined : "gcc";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "gcc";
    throw error;
  }
}
