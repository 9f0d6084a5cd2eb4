"""How well each text of a page can be read against what is behind it."""

#: An expression for the browser: `[text, contrast ratio]` of each visible text, as WCAG 2 defines it.
CONTRASTS = """() => {
    const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (colour) => channels(colour).slice(0, 3)
        .map((value) => value / 255)
        .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
        .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
    const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if ((channels(colour)[3] ?? 1) > 0) return colour;
        }
        return "rgb(255, 255, 255)";
    };
    const found = [];
    for (const element of document.body.querySelectorAll("*")) {
        const own = [...element.childNodes].filter((node) => node.nodeType === 3 && node.data.trim());
        if (!own.length || !element.checkVisibility() || element.closest(".unseen")) continue;
        const [one, other] = [getComputedStyle(element).color, behind(element)].map(light).sort((a, b) => b - a);
        found.push([own[0].data, (one + 0.05) / (other + 0.05)]);
    }
    return found;
}"""
