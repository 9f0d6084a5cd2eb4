"""What the keys of PC keyboards give under the layouts that schools use, as tables.

A layout is three lines: its name, the keys plain, the keys with Shift. The keys stand in the four rows of a US
keyboard, from top left to bottom right: 13, 13 (the backslash key at the end), 11 and 10 of them. A dead key is an
accent that waits for the next letter. Every key that a code needs was compared with xkeyboard-config's tables; only
Polish (214) differs, in Shift and 4, and has both.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

_TABLES = r"""
US
`1234567890-= qwertyuiop[]\ asdfghjkl;' zxcvbnm,./
~!@#$%^&*()_+ QWERTYUIOP{}| ASDFGHJKL:" ZXCVBNM<>?

United Kingdom
`1234567890-= qwertyuiop[]# asdfghjkl;' zxcvbnm,./
¬!"£$%^&*()_+ QWERTYUIOP{}~ ASDFGHJKL:@ ZXCVBNM<>?

German | dead ^´`
^1234567890ß´ qwertzuiopü+# asdfghjklöä yxcvbnm,.-
°!"§$%&/()=?` QWERTZUIOPÜ*' ASDFGHJKLÖÄ YXCVBNM;:_

French | dead ^¨ | shift lock
²&é"'(-è_çà)= azertyuiop^$* qsdfghjklmù wxcvbn,;:!
~1234567890°+ AZERTYUIOP¨£µ QSDFGHJKLM% WXCVBN?./§

Belgian | dead ^¨ | shift lock
²&é"'(§è!çà)- azertyuiop^$µ qsdfghjklmù wxcvbn,;:=
³1234567890°_ AZERTYUIOP¨*£ QSDFGHJKLM% WXCVBN?./+

Spanish | dead `´^¨
º1234567890'¡ qwertyuiop`+ç asdfghjklñ´ zxcvbnm,.-
ª!"·$%&/()=?¿ QWERTYUIOP^*Ç ASDFGHJKLÑ¨ ZXCVBNM;:_

Latin American Spanish | dead ´¨
|1234567890'¿ qwertyuiop´+} asdfghjklñ{ zxcvbnm,.-
°!"#$%&/()=?¡ QWERTYUIOP¨*] ASDFGHJKLÑ[ ZXCVBNM;:_

Italian
\1234567890'ì qwertyuiopè+ù asdfghjklòà zxcvbnm,.-
|!"£$%&/()=?^ QWERTYUIOPé*§ ASDFGHJKLç° ZXCVBNM;:_

Portuguese | dead ´~`^
\1234567890'« qwertyuiop+´~ asdfghjklçº zxcvbnm,.-
|!"#$%&/()=?» QWERTYUIOP*`^ ASDFGHJKLÇª ZXCVBNM;:_

Brazilian | dead ´`~^¨
'1234567890-= qwertyuiop´[] asdfghjklç~ zxcvbnm,.;
"!@#$%¨&*()_+ QWERTYUIOP`{} ASDFGHJKLÇ^ ZXCVBNM<>:

Swedish or Finnish | dead ´`¨^
§1234567890+´ qwertyuiopå¨' asdfghjklöä zxcvbnm,.-
½!"#¤%&/()=?` QWERTYUIOPÅ^* ASDFGHJKLÖÄ ZXCVBNM;:_

Norwegian | dead `¨^
|1234567890+\ qwertyuiopå¨' asdfghjkløæ zxcvbnm,.-
§!"#¤%&/()=?` QWERTYUIOPÅ^* ASDFGHJKLØÆ ZXCVBNM;:_

Danish | dead ´`¨^
½1234567890+´ qwertyuiopå¨' asdfghjklæø zxcvbnm,.-
§!"#¤%&/()=?` QWERTYUIOPÅ^* ASDFGHJKLÆØ ZXCVBNM;:_

Swiss German | dead ^`¨
§1234567890'^ qwertzuiopü¨$ asdfghjklöä yxcvbnm,.-
°+"*ç%&/()=?` QWERTZUIOPè!£ ASDFGHJKLéà YXCVBNM;:_

Swiss French | dead ^`¨
§1234567890'^ qwertzuiopè¨$ asdfghjkléà yxcvbnm,.-
°+"*ç%&/()=?` QWERTZUIOPü!£ ASDFGHJKLöä YXCVBNM;:_

Polish (programmers)
`1234567890-= qwertyuiop[]\ asdfghjkl;' zxcvbnm,./
~!@#$%^&*()_+ QWERTYUIOP{}| ASDFGHJKL:" ZXCVBNM<>?

Polish (214)
˛1234567890+' qwertzuiopżśó asdfghjklłą yxcvbnm,.-
·!"#¤%&/()=?* QWERTZUIOPńćź ASDFGHJKLŁę YXCVBNM;:_

Polish (214)
˛1234567890+' qwertzuiopżśó asdfghjklłą yxcvbnm,.-
·!"#$%&/()=?* QWERTZUIOPńćź ASDFGHJKLŁę YXCVBNM;:_

Czech | dead ´ˇ¨°
;+ěščřžýáíé=´ qwertzuiopú)¨ asdfghjklů§ yxcvbnm,.-
°1234567890%ˇ QWERTZUIOP/(' ASDFGHJKL"! YXCVBNM?:_

Hungarian
0123456789öüó qwertzuiopőúű asdfghjkléá yxcvbnm,.-
§'"+!%/=()ÖÜÓ QWERTZUIOPŐÚŰ ASDFGHJKLÉÁ YXCVBNM?:_

Turkish
"1234567890*- qwertyuıopğü, asdfghjklşi zxcvbnmöç.
é!'^+%&/()=?_ QWERTYUIOPĞÜ; ASDFGHJKLŞİ ZXCVBNMÖÇ:

Canadian French | dead ^¸¨`
#1234567890-= qwertyuiop^¸< asdfghjkl;` zxcvbnm,.é
|!"/$%?&*()_+ QWERTYUIOP^¨> ASDFGHJKL:` ZXCVBNM'.É
"""


class Lock(Enum):
    """What Caps Lock does: nothing, turns the letters, or (French and Belgian on Windows) every key like Shift."""

    OFF = "off"
    LETTERS = "letters"
    SHIFT = "shift"


@dataclass(frozen=True, slots=True)
class Layout:
    """One keyboard layout; `plain` and `shift` have a character for each of the 47 keys."""

    name: str
    plain: str
    shift: str
    dead: str
    locks: tuple[Lock, ...]

    def key(self, symbol: str, lock: Lock) -> str:
        """What the key, with which a US keyboard types a symbol of ASCII, gives here."""
        if symbol == " ":
            return " "
        shifted = symbol in US.shift
        place = (US.shift if shifted else US.plain).index(symbol)
        if lock is Lock.SHIFT:
            shifted = not shifted
        typed = (self.shift if shifted else self.plain)[place]
        if lock is Lock.LETTERS and typed not in self.dead:
            return _other_case(typed)
        return typed


def _other_case(char: str) -> str:
    swapped = char.swapcase()
    return swapped if len(swapped) == 1 else char


def _layout(table: str) -> Layout:
    head, plain, shift = table.split("\n")
    name, *marks = head.split(" | ")
    dead = "".join(mark.removeprefix("dead ") for mark in marks if mark.startswith("dead "))
    locks = (Lock.OFF, Lock.LETTERS, Lock.SHIFT) if "shift lock" in marks else (Lock.OFF, Lock.LETTERS)
    return Layout(name, plain.replace(" ", ""), shift.replace(" ", ""), dead, locks)


LAYOUTS = tuple(_layout(table) for table in _TABLES.strip().split("\n\n"))
US = LAYOUTS[0]
