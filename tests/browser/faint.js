// Return the texts whose contrast to what is behind them is less than WCAG 2.2 asks for (1.4.3).
() => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const paint = canvas.getContext("2d", { willReadFrequently: true });
    const rgb = (layers) => {
        paint.fillStyle = "#fff";
        paint.fillRect(0, 0, 1, 1);
        for (const layer of layers) {
            paint.fillStyle = layer;
            paint.fillRect(0, 0, 1, 1);
        }
        return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const luminance = (colour) => {
        const [r, g, b] = colour.map((part) => part / 255)
            .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        const layers = [];
        for (let at = element; at; at = at.parentElement) {
            layers.unshift(getComputedStyle(at).backgroundColor);
        }
        return layers;
    };
    const faint = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const text = walker.currentNode.textContent.trim();
        const element = walker.currentNode.parentElement;
        const style = getComputedStyle(element);
        const box = element.getBoundingClientRect();
        if (!text || !box.width || style.visibility === "hidden" || element.closest("[aria-hidden=true], script, style, option, .lt-unseen")) {
            continue;
        }
        const layers = behind(element);
        const colour = element.closest("svg") ? style.fill : style.color;
        const [one, other] = [luminance(rgb(layers)), luminance(rgb([...layers, colour]))];
        const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
        if (contrast < (large ? 3 : 4.5)) {
            faint.push(`${text.slice(0, 40)}: ${contrast.toFixed(2)}`);
        }
    }
    return [...new Set(faint)];
}
