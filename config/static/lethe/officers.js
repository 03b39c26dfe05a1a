// The skin writes its icons as words in a font ("front_hand"): screen readers would read them out.
document.addEventListener("DOMContentLoaded", () => {
    for (const icon of document.querySelectorAll(".material-symbols-outlined")) {
        icon.setAttribute("aria-hidden", "true");
    }
});
