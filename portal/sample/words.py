"""The vocabulary of the sample: a shop's categories, what people say of its things, and where they live."""

CATEGORIES = {
    "Kitchen": ("kettle", "frying pan", "blender", "knife set", "coffee grinder", "toaster", "mixing bowl"),
    "Garden": ("hose", "pruning shears", "watering can", "lawn chair", "planter", "headlamp", "bird feeder"),
    "Electronics": ("headphones", "keyboard", "charger", "webcam", "speaker", "power bank", "monitor arm"),
    "Clothing": ("rain jacket", "wool socks", "running shirt", "scarf", "work gloves", "belt", "hoodie"),
    "Toys": ("puzzle", "building set", "kite", "board game", "plush bear", "marble run", "toy train"),
    "Books": ("cookbook", "travel guide", "novel", "atlas", "picture book", "crime story", "biography"),
    "Sports": ("yoga mat", "dumbbell set", "bike light", "climbing rope", "swim goggles", "tent", "jump rope"),
    "Office": ("desk lamp", "notebook", "stapler", "fountain pen", "desk mat", "paper tray", "label printer"),
}
ASPECTS = {
    "Kitchen": ("handle", "lid", "coating", "base", "finish"),
    "Garden": ("grip", "nozzle", "frame", "paint", "joint"),
    "Electronics": ("battery", "sound", "cable", "connection", "housing"),
    "Clothing": ("fit", "seam", "fabric", "colour", "zip"),
    "Toys": ("wood", "rule sheet", "colour", "box", "edges"),
    "Books": ("binding", "print", "plot", "maps", "paper"),
    "Sports": ("strap", "padding", "grip", "seams", "weight"),
    "Office": ("stand", "switch", "paper", "spring", "surface"),
}
BRANDS = ("Alder", "Nordhus", "Pinea", "Kestrel", "Morrow", "Halden", "Lumo", "Terrano", "Ostrea", "Veldt")
ADJECTIVES = ("Classic", "Compact", "Light", "Pro", "Everyday", "Travel", "Large", "Mini")

# One tuple for each number of stars, 1 to 5. {p} is the product, {a} a part of it, {n} a number.
TITLES = (
    ("Broken after {n} days", "Do not buy this", "Waste of money", "Terrible {p}", "Went straight back", "Useless"),
    ("Disappointing", "Not what I hoped for", "Expected better", "Weak {a}", "Rather poor {p}", "Would not buy again"),
    (
        "It is okay",
        "Average {p}",
        "Does the job, barely",
        "Mixed feelings",
        "Neither good nor bad",
        "Fine for the price",
    ),
    ("Good {p}", "Solid choice", "Happy with it, small flaws", "Nearly perfect", "Good value", "Works well"),
    ("Excellent {p}", "Love it", "Perfect!", "Best {p} I have owned", "Highly recommended", "Could not be happier"),
)
VERDICTS = (
    (
        "The {a} broke after {n} days and nobody answered my letters.",
        "I want my money back.",
        "It arrived damaged and the replacement was no better.",
        "This is the worst {p} I have ever had in my hands.",
        "It stopped working within a week.",
        "Absolute rubbish, stay away.",
    ),
    (
        "The {a} feels cheap and I doubt it will last.",
        "For this price I had expected more.",
        "It works sometimes, but the {a} lets it down.",
        "I would think twice before buying it again.",
        "The photographs promise more than the {p} delivers.",
        "The {a} was already loose when I unpacked it.",
    ),
    (
        "It does what it should, no more.",
        "The {a} is fine, the rest is nothing special.",
        "I have seen better and I have seen worse.",
        "Acceptable for occasional use.",
        "I am still not sure what to think of the {a}.",
        "An ordinary {p} at an ordinary price.",
    ),
    (
        "The {a} is well made and it does its job.",
        "A small scratch on the {a}, otherwise I am pleased.",
        "I would buy it again, although the {a} could be better.",
        "Good quality for the money.",
        "After {n} weeks it still works as on the first day.",
        "Quite comfortable, and it looks good too.",
    ),
    (
        "The {a} is simply superb.",
        "I use it every day and enjoy it each time.",
        "My whole family loves this {p}.",
        "Beautifully made, worth every cent.",
        "It surpassed everything I had hoped for.",
        "I have already ordered a second one as a present.",
    ),
)
NEUTRAL = (
    "I bought the {p} for my {who}.",
    "Delivery took {n} days.",
    "It came in a plain cardboard box.",
    "I compared it with two others before I decided.",
    "The instructions are short.",
    "We have had it for {n} weeks now.",
    "The colour is a little darker than in the picture.",
    "I chose it because of the {a}.",
    "My {who} had recommended the brand.",
    "I ordered on a Sunday evening.",
)
OPENERS = (
    "Honestly,",
    "To be fair,",
    "After some thought:",
    "All in all,",
    "As others have written,",
    "For the record:",
    "Looking back,",
    "To my surprise,",
    "As far as I can tell,",
    "In short:",
    "What can I say,",
    "One more thing:",
)
WHO = ("daughter", "son", "neighbour", "father", "mother", "sister", "office", "friend", "grandmother", "flat")

# City, country, weight of its visits, and how much more often than others its visitors buy.
CITIES = (
    ("Berlin", "DE", 14, 1.0),
    ("Hamburg", "DE", 9, 1.1),
    ("Munich", "DE", 8, 1.5),
    ("Paris", "FR", 13, 0.9),
    ("Lyon", "FR", 6, 1.2),
    ("Madrid", "ES", 9, 0.8),
    ("Barcelona", "ES", 8, 0.9),
    ("Rome", "IT", 7, 0.7),
    ("Milan", "IT", 7, 1.2),
    ("Vienna", "AT", 6, 1.3),
    ("Zürich", "CH", 4, 2.6),
    ("Amsterdam", "NL", 6, 1.2),
    ("Copenhagen", "DK", 4, 1.4),
    ("Stockholm", "SE", 4, 1.2),
    ("Lisbon", "PT", 4, 0.8),
)
