"""Names of students as a school in a large city has them: many scripts, diacritics, apostrophes, several words.

Each entry: share of all names in per cent, women's and men's first names, family names. All are common names put
together at random; nobody in particular is meant.
"""

from __future__ import annotations

import random
from typing import NamedTuple


class Culture(NamedTuple):
    share: int
    women: tuple[str, ...]
    men: tuple[str, ...]
    families: tuple[str, ...]


class Name(NamedTuple):
    first: str
    middle: str | None
    last: str
    gender: str


def _culture(share: int, women: str, men: str, families: str) -> Culture:
    return Culture(share, *(tuple(part.strip() for part in text.split(",")) for text in (women, men, families)))


CULTURES = (
    _culture(
        24,
        "Mia, Hannah, Käthe, Lena, Jördis, Frieda, Anneliese, Zoë, Sophie, Maren, Luise, Birgit, Charlotte, Emilia",
        "Jürgen, Paul, Sönke, Felix, Götz, Moritz, Jörg, Anton, Karl-Heinz, Emil, Rüdiger, Ben, Theo, Lukas",
        "Müller, Schäfer, Groß, Weiß, Schröder, von der Heyde, Krüger, Böhm, Lang-Lüdeke, Vogel, Jäger, Straßer,"
        "Köhler, Hoffmann, Öztürk-Braun, Schmidt, zu Hohenfels, Lindqvist",
    ),
    _culture(
        20,
        "Emma, Ava, Harper, Grace, Scarlett, Madison, Chloe, Ruth, Hazel, Naomi, Brooke, Delilah, Mary-Kate, Ella",
        "Liam, Noah, Ethan, Mason, Caleb, Jackson, Tyler, Owen, Henry, Isaiah, Wyatt, D'Andre, Elijah, Marcus",
        "Smith, Johnson, Williams, O'Neill, Brown, McAllister, Davis, St. John, Miller, Washington, Taylor-Reed,"
        "Fitzgerald, Moore, D'Angelo, Carter, Brooks",
    ),
    _culture(
        9,
        "Lucía, Inés, María José, Sofía, Valentina, Ximena, Begoña, Noemí, Camila, Itziar",
        "José, Iñaki, Andrés, Ángel, Martín, Joaquín, Raúl, Sebastián, Óscar, Íñigo",
        "García Lorca, Núñez, Peña Nieto, Rodríguez, Muñoz, Hernández Ruiz, Ibáñez, Gutiérrez, Vásquez, Etxeberria",
    ),
    _culture(
        7,
        "Ayşe, Elif, Zeynep, Gül, Şebnem, Çiğdem, Özlem, İrem",
        "Mehmet, Çağlar, Ömer, İbrahim, Oğuz, Şükrü, Barış, Işık",
        "Yılmaz, Şahin, Öztürk, Çelik, Yıldız, Kılıç, Aydın, Doğan, Güneş",
    ),
    _culture(
        6,
        "Zofia, Małgorzata, Agnieszka, Łucja, Žofie, Kateřina, Eliška, Zsófia, Ilinca, Ștefania",
        "Łukasz, Paweł, Wojciech, Jiří, Ondřej, Győző, Mátyás, Ștefan, Răzvan, Đorđe",
        "Wiśniewski, Kowalczyk, Dvořák, Novák, Szabó, Kőszegi, Ionescu, Țepeș, Petrović, Žižka, Šimić",
    ),
    _culture(
        5,
        "Linh, Thảo, Ngọc Ánh, Hương, Mỹ Duyên, Quỳnh",
        "Minh, Đức, Quang Huy, Tuấn, Hoàng Nam, Dũng",
        "Nguyễn, Trần, Lê, Phạm, Đặng, Võ, Bùi",
    ),
    _culture(
        5,
        "Olena, Наталія, Ольга, Анастасия, Екатерина, Соломія, Мария",
        "Андрій, Дмитрий, Тарас, Сергей, Олександр, Иван, Богдан",
        "Шевченко, Иванов, Коваленко, Кузнецов, Бондаренко, Соколов, Мельник",
    ),
    _culture(
        4,
        "小红, 雨婷, 思琪, 佳怡, 欣妍, 美玲",
        "伟, 浩然, 子轩, 明, 建国, 志强",
        "王, 李, 张, 刘, 陈, 欧阳, 司马",
    ),
    _culture(
        4,
        "فاطمة, مريم, نور, ليلى, سلمى, زينب",
        "محمد, يوسف, عمر, خالد, إبراهيم, علي",
        "الحسن, حداد, المصري, منصور, خوري, بن سعيد",
    ),
    _culture(
        4,
        "Aarti, दिव्या, प्रिया, Lakshmi, ஆனந்தி, Kavita",
        "Arjun, राहुल, विक्रम, Rajesh, முருகன், Siddharth",
        "Sharma, पटेल, Iyer, सिंह, Krishnamurthy, Venkataraman, குமார்",
    ),
    _culture(
        3,
        "Ọláolúwa, Chiamaka, Àdùkẹ́, Nneka, Wanjirũ, Abena",
        "Olúwaṣeun, Chukwuemeka, Kwabena, Tendai, Adébáyọ̀, Kamau",
        "Adéyẹmí, Okonkwo, Ọbásanjọ́, Mensah, Ngũgĩ, Dlamini, N'Diaye",
    ),
    _culture(3, "서연, 지우, 하은, 민서", "민준, 서준, 도윤, 지호", "김, 이, 박, 최, 황보"),
    _culture(2, "さくら, 陽菜, 美咲, あおい", "蓮, 大翔, 翔太, ゆうと", "佐藤, 鈴木, 高橋, 渡邉, 小鳥遊"),
    _culture(2, "Μαρία, Ελένη, Ίρις", "Γιώργος, Αλέξανδρος, Σπύρος", "Παπαδόπουλος, Οικονόμου, Νικολαΐδης"),
    _culture(1, "שרה, נועה, תמר", "דוד, איתן, נועם", "כהן, לוי, בן־דוד"),
    _culture(
        1,
        "Þórdís, Guðrún, Åsa, Bjørg",
        "Sigurður, Åke, Søren, Þór",
        "Jónsdóttir, Bjørnstjerne, Sjöberg, Ødegård, Æðelsson",
    ),
)
_SHARES = [culture.share for culture in CULTURES]
NON_BINARY = 0.02
WITH_MIDDLE_NAME = 0.15


def draw_name(rng: random.Random) -> Name:
    """One person's name; family name and first name are of one culture, as a rule."""
    culture = rng.choices(CULTURES, _SHARES)[0]
    gender = "female" if rng.random() < 0.5 else "male"
    given = culture.women if gender == "female" else culture.men
    first = rng.choice(given)
    middle = rng.choice(given) if rng.random() < WITH_MIDDLE_NAME else None
    families = rng.choices(CULTURES, _SHARES)[0].families if rng.random() < 0.08 else culture.families
    return Name(first, middle, rng.choice(families), "non-binary" if rng.random() < NON_BINARY else gender)
