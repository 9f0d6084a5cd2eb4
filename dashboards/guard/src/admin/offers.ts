// What this hub can do beyond what this page was built against, by its own document.

let paths: Promise<Record<string, object>> | undefined;

/** Whether there is such an operation, "post" of "/students/{id}/photo". */
export async function offers(method: string, path: string): Promise<boolean> {
  paths ??= fetch("/api/v1/openapi.json").then(async (answer) => ((await answer.json()) as { paths: Record<string, object> }).paths);
  try {
    return method in ((await paths)[`/api/v1${path}`] ?? {});
  } catch {
    paths = undefined;
    return false;
  }
}
