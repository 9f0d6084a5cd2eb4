// Who looks at this page: signed in by cookies that no script can read, so there is nothing here to keep or to lose.

const LOCK = "passhub.session";

/** The hub's answer to a POST below /auth: status and message. Throws when the hub cannot be reached. */
async function post(path, body) {
  const answer = await fetch(new URL(`api/v1/auth/${path}`, document.baseURI), {
    method: "POST",
    ...(body && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    credentials: "same-origin",
    cache: "no-store",
  });
  const said = await answer.json().catch(() => ({}));
  return { status: answer.status, message: said.message ?? "" };
}

/** One tab at a time: a refresh token is good for one use, and the second one that used it would end the session. */
const alone = (work) => (navigator.locks ? navigator.locks.request(LOCK, work) : work());

/** null when it is done; else why not, and whether a code of the second factor is what is wanted. */
export function signIn(email, password, code, rememberMe) {
  return alone(async () => {
    const body = { email, password, rememberMe, delivery: "cookie", ...(code ? { totp: code } : {}) };
    const { status, message } = await post("login", body);
    if (status === 200) return null;
    return { message, wantsCode: status === 401 && /second factor/.test(message) };
  });
}

/** Whether the session goes on. Throws when the hub cannot say. */
export function renew() {
  return alone(async () => {
    const { status, message } = await post("refresh", {});
    if (status !== 200 && status !== 401 && status !== 403) throw new Error(message || `the hub answered ${status}`);
    return status === 200;
  });
}

/** Whether the hub has ended it. */
export async function signOut() {
  try {
    const { status } = await post("logout");
    if (status === 401 && (await renew())) return (await post("logout")).status === 204;
    return status === 204 || status === 401;
  } catch {
    return false;
  }
}
