// What the keys of PC keyboards give under the layouts that schools use: the tables of hub/domain/keyboards.py, and a test
// holds that they are. The keys stand in the four rows of a US keyboard, from top left to bottom right.

/** What Caps Lock does: nothing, turns the letters, or (French and Belgian on Windows) every key like Shift. */
export type Lock = "off" | "letters" | "shift";

export interface Layout {
  name: string;
  /** A character for each of the 47 keys, without Shift and with it. */
  plain: string;
  shift: string;
  /** Accents that wait for the next letter. */
  dead: string;
  locks: Lock[];
}

const layout = (name: string, dead: string, locksLikeShift: boolean, plain: string, shift: string): Layout => ({
  name,
  plain,
  shift,
  dead,
  locks: locksLikeShift ? ["off", "letters", "shift"] : ["off", "letters"],
});

export const LAYOUTS: Layout[] = [
  layout("US", "", false,
    "`1234567890-=qwertyuiop[]\\asdfghjkl;'zxcvbnm,./",
    "~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:\"ZXCVBNM<>?"),
  layout("United Kingdom", "", false,
    "`1234567890-=qwertyuiop[]#asdfghjkl;'zxcvbnm,./",
    "¬!\"£$%^&*()_+QWERTYUIOP{}~ASDFGHJKL:@ZXCVBNM<>?"),
  layout("German", "^´`", false,
    "^1234567890ß´qwertzuiopü+#asdfghjklöäyxcvbnm,.-",
    "°!\"§$%&/()=?`QWERTZUIOPÜ*'ASDFGHJKLÖÄYXCVBNM;:_"),
  layout("French", "^¨", true,
    "²&é\"'(-è_çà)=azertyuiop^$*qsdfghjklmùwxcvbn,;:!",
    "~1234567890°+AZERTYUIOP¨£µQSDFGHJKLM%WXCVBN?./§"),
  layout("Belgian", "^¨", true,
    "²&é\"'(§è!çà)-azertyuiop^$µqsdfghjklmùwxcvbn,;:=",
    "³1234567890°_AZERTYUIOP¨*£QSDFGHJKLM%WXCVBN?./+"),
  layout("Spanish", "`´^¨", false,
    "º1234567890'¡qwertyuiop`+çasdfghjklñ´zxcvbnm,.-",
    "ª!\"·$%&/()=?¿QWERTYUIOP^*ÇASDFGHJKLÑ¨ZXCVBNM;:_"),
  layout("Latin American Spanish", "´¨", false,
    "|1234567890'¿qwertyuiop´+}asdfghjklñ{zxcvbnm,.-",
    "°!\"#$%&/()=?¡QWERTYUIOP¨*]ASDFGHJKLÑ[ZXCVBNM;:_"),
  layout("Italian", "", false,
    "\\1234567890'ìqwertyuiopè+ùasdfghjklòàzxcvbnm,.-",
    "|!\"£$%&/()=?^QWERTYUIOPé*§ASDFGHJKLç°ZXCVBNM;:_"),
  layout("Portuguese", "´~`^", false,
    "\\1234567890'«qwertyuiop+´~asdfghjklçºzxcvbnm,.-",
    "|!\"#$%&/()=?»QWERTYUIOP*`^ASDFGHJKLÇªZXCVBNM;:_"),
  layout("Brazilian", "´`~^¨", false,
    "'1234567890-=qwertyuiop´[]asdfghjklç~zxcvbnm,.;",
    "\"!@#$%¨&*()_+QWERTYUIOP`{}ASDFGHJKLÇ^ZXCVBNM<>:"),
  layout("Swedish or Finnish", "´`¨^", false,
    "§1234567890+´qwertyuiopå¨'asdfghjklöäzxcvbnm,.-",
    "½!\"#¤%&/()=?`QWERTYUIOPÅ^*ASDFGHJKLÖÄZXCVBNM;:_"),
  layout("Norwegian", "`¨^", false,
    "|1234567890+\\qwertyuiopå¨'asdfghjkløæzxcvbnm,.-",
    "§!\"#¤%&/()=?`QWERTYUIOPÅ^*ASDFGHJKLØÆZXCVBNM;:_"),
  layout("Danish", "´`¨^", false,
    "½1234567890+´qwertyuiopå¨'asdfghjklæøzxcvbnm,.-",
    "§!\"#¤%&/()=?`QWERTYUIOPÅ^*ASDFGHJKLÆØZXCVBNM;:_"),
  layout("Swiss German", "^`¨", false,
    "§1234567890'^qwertzuiopü¨$asdfghjklöäyxcvbnm,.-",
    "°+\"*ç%&/()=?`QWERTZUIOPè!£ASDFGHJKLéàYXCVBNM;:_"),
  layout("Swiss French", "^`¨", false,
    "§1234567890'^qwertzuiopè¨$asdfghjkléàyxcvbnm,.-",
    "°+\"*ç%&/()=?`QWERTZUIOPü!£ASDFGHJKLöäYXCVBNM;:_"),
  layout("Polish (programmers)", "", false,
    "`1234567890-=qwertyuiop[]\\asdfghjkl;'zxcvbnm,./",
    "~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:\"ZXCVBNM<>?"),
  layout("Polish (214)", "", false,
    "˛1234567890+'qwertzuiopżśóasdfghjklłąyxcvbnm,.-",
    "·!\"#¤%&/()=?*QWERTZUIOPńćźASDFGHJKLŁęYXCVBNM;:_"),
  layout("Polish (214)", "", false,
    "˛1234567890+'qwertzuiopżśóasdfghjklłąyxcvbnm,.-",
    "·!\"#$%&/()=?*QWERTZUIOPńćźASDFGHJKLŁęYXCVBNM;:_"),
  layout("Czech", "´ˇ¨°", false,
    ";+ěščřžýáíé=´qwertzuiopú)¨asdfghjklů§yxcvbnm,.-",
    "°1234567890%ˇQWERTZUIOP/('ASDFGHJKL\"!YXCVBNM?:_"),
  layout("Hungarian", "", false,
    "0123456789öüóqwertzuiopőúűasdfghjkléáyxcvbnm,.-",
    "§'\"+!%/=()ÖÜÓQWERTZUIOPŐÚŰASDFGHJKLÉÁYXCVBNM?:_"),
  layout("Turkish", "", false,
    "\"1234567890*-qwertyuıopğü,asdfghjklşizxcvbnmöç.",
    "é!'^+%&/()=?_QWERTYUIOPĞÜ;ASDFGHJKLŞİZXCVBNMÖÇ:"),
  layout("Canadian French", "^¸¨`", false,
    "#1234567890-=qwertyuiop^¸<asdfghjkl;`zxcvbnm,.é",
    "|!\"/$%?&*()_+QWERTYUIOP^¨>ASDFGHJKL:`ZXCVBNM'.É"),
];

export const US = LAYOUTS[0] as Layout;

/** What the key, with which a US keyboard types a symbol of ASCII, gives under a layout. */
export function typedKey(there: Layout, symbol: string, lock: Lock): string {
  if (symbol === " ") return " ";
  const shifted = US.shift.includes(symbol);
  const place = (shifted ? US.shift : US.plain).indexOf(symbol);
  const typed = (shifted !== (lock === "shift") ? there.shift : there.plain)[place] ?? "";
  return lock === "letters" && !there.dead.includes(typed) ? otherCase(typed) : typed;
}

function otherCase(char: string): string {
  const small = char.toLowerCase();
  const other = small === char ? char.toUpperCase() : small;
  return other.length === 1 ? other : char;
}
