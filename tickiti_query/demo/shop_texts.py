"""The texts of the shop: messages of runners, and answers of the staff."""

import random
from dataclasses import dataclass


def list_words(text: str) -> tuple[str, ...]:
    """Return the parts between the bars: a long list that stays legible."""
    return tuple(text.split("|"))


WORDS = {
    "shoe": list_words(
        "Carbon Flyer 3|Fjällräv Trail|Daily Mile|Überläufer 42|Cloudpacer 2|Øresund Racer|"
        "Peak Grip GTX|Tempo Lite|Marathon Elite|Night Glow|Junior Dash|Old Faithful 9"
    ),
    "size": list_words("36|37.5|38|39.5|40|41|42|42.5|43|44.5|45|47"),
    "race": list_words("Berlin marathon|city 10_km|Kraków half|club relay|trail ultra|school sports day|Málaga 15K"),
    "city": list_words("Leeds|Malmö|Kraków|Málaga|Łódź|Bristol|Zürich|Porto|Århus|Cork"),
    "part": list_words("outsole|heel tab|carbon plate|tongue|toe box|left lace|insole|midsole foam"),
    "percent": list_words("5|10|15|20|50|100"),
}


@dataclass(frozen=True)
class Topic:
    """One queue's usual business: subjects, first messages and how such tickets end."""

    subjects: tuple[str, ...]
    openings: tuple[str, ...]
    resolutions: tuple[str, ...]


TOPICS = {
    "Returns": Topic(
        (
            "Return of {shoe}, size {size}",
            "{shoe}: {part} worn after two runs",
            "Wrong colour of {shoe} in the box",
            "Can I still send back {shoe} after the {race}?",
            "Refund only {percent}% so far",
            "Return label for {city} does not print",
        ),
        (
            "Hello, I would like to return my {shoe}. They were worn once, indoors, and the box is intact.",
            "The {part} came loose during the {race}. I have attached two photographs.",
            "I posted the parcel from {city} nine days ago and have not heard anything about the refund.",
        ),
        ("Refunded", "Exchanged for another size", "Return refused: worn outdoors", "Store credit"),
    ),
    "Orders": Topic(
        (
            "Order of {shoe} not confirmed",
            "Please add a second pair of {shoe} to my order",
            "Cancel order: {shoe} in {size}",
            "Change of address to {city}",
            "When is {shoe} back in stock in {size}?",
        ),
        (
            "I ordered {shoe} on Sunday and still have no confirmation. Was the order placed?",
            "I have moved to {city}. Please send the order to the new address.",
            "Please cancel my order, I picked size {size} by mistake.",
        ),
        ("Order changed", "Cancelled at the customer's wish", "Delivered"),
    ),
    "Shipping": Topic(
        (
            "Parcel to {city} stuck in customs",
            "Tracking has not moved for a week: {shoe}",
            "Box arrived empty",
            "Courier left {shoe} with a neighbour nobody knows",
            "Express delivery before the {race}?",
        ),
        (
            "The tracking page says my parcel left {city} last week, and nothing since.",
            "The {race} is on Saturday. Will the shoes be here in time?",
            "The box was open when it came and one shoe was missing.",
        ),
        ("Delivered", "Lost by the courier, sent again", "Refunded"),
    ),
    "Sizing & Fit": Topic(
        (
            "{shoe}: {size} or half a size up?",
            "Wide feet and {shoe}",
            "Blisters in the {part} of {shoe}",
            "Which shoe for my first {race}?",
            "Kids' sizes of Junior Dash",
        ),
        (
            "I wear {size} in the Daily Mile. Which size should I take in the {shoe}?",
            "After ten kilometres the {part} presses on my little toe. Is there a wider last?",
            "I am training for the {race} and pronate a little. What would you recommend?",
        ),
        ("Advice given", "Exchanged for another size", "Invited to a fitting"),
    ),
    "Warranty": Topic(
        (
            "{part} broken on {shoe}",
            "Sole of {shoe} peels off after 200 km",
            "Warranty claim: {shoe}, bought in {city}",
            "Hole in the {part} after one season 🏃",
            "Carbon plate rattles in {shoe}",
        ),
        (
            "The {part} of my {shoe} gave way after four months. I believe this is covered.",
            "I bought the pair in your {city} shop and have kept the receipt. Please tell me what to do.",
            "There is a rattling noise from the plate with every step since the {race}.",
        ),
        ("Replaced under warranty", "Repaired", "Not covered", "Sent to the maker"),
    ),
    "Payments": Topic(
        (
            "Charged twice for {shoe}",
            "Gift card from {city} refused",
            "Voucher gives {percent}% instead of 20%",
            "Invoice with VAT number needed",
            "Card declined at checkout",
        ),
        (
            "My bank shows two payments for the same order of {shoe}.",
            "The voucher from the {race} takes off {percent}% only.",
            "Our accounts department needs an invoice with the company's name on it.",
        ),
        ("Second charge refunded", "Invoice sent", "Voucher replaced"),
    ),
    "Wholesale": Topic(
        (
            "Spring price list for the {city} shop",
            "120 pairs of {shoe} for autumn",
            "Display stand for {shoe}",
            "Minimum order for {city}",
        ),
        (
            "We run a small shop in {city} and would like to carry the {shoe} next season.",
            "Please confirm delivery dates for the pre-order.",
        ),
        ("Offer sent", "Contract signed", "No interest"),
    ),
    "Club Orders": Topic(
        (
            "Trailblazers: 24 pairs for the {race}",
            "Club discount of {percent}%",
            "Printed names on {shoe}",
            "Team order from {city} incomplete",
            "Test evening with {shoe} at the club",
        ),
        (
            "Our club is entering the {race} with eight runners. Can we get the {shoe} at club price?",
            "Three pairs of the team order are missing, sizes {size} and up.",
            "Could you bring a few test pairs to our Tuesday session in {city}?",
        ),
        ("Delivered", "Discount granted", "Evening arranged"),
    ),
    "Shop Floor": Topic(
        (
            "Treadmill in {city} out of order",
            "Lost umbrella",
            "Opening hours in {city} on bank holidays",
            "Thank you to the colleague with the gait analysis",
        ),
        (
            "I was in your {city} shop on Saturday and left a grey umbrella by the fitting bench.",
            "The treadmill stops after thirty seconds. Can somebody have a look?",
        ),
        ("Done", "Passed on to the shop", "Found"),
    ),
    "Website": Topic(
        (
            "Size filter forgets {size}",
            "Cannot log in since the update",
            "Photo of {shoe} shows another shoe",
            "Newsletter: C:\\Users\\me in the greeting",
            "Checkout page is blank in {city}",
        ),
        (
            "When I filter for size {size} and go back, the filter is gone.",
            "I reset my password twice and still end up at the front page.",
        ),
        ("Fixed", "Cannot be reproduced", "Workaround given"),
    ),
    "Suggestions": Topic(
        (
            "Please bring back {shoe}",
            "A repair service for the {part}?",
            "Run meet-ups in {city}",
            "Less plastic",
        ),
        (
            "The {shoe} was the best shoe you ever made. Please bring it back.",
            "Why not offer a repair service? The {part} is always what goes first.",
        ),
        ("Thanked", "Passed on to product team"),
    ),
    "Archive": Topic(
        ("Old ticket: {shoe} from the {city} sale", "Imported: question about {part}"),
        ("Imported from the former help desk. The original message is not available.",),
        ("Imported",),
    ),
}
STAFF_REPLIES = (
    "Thank you for your message. Could you send us the order number and a photograph of the {part}?",
    "I am sorry about the trouble. A new pair of {shoe} in {size} leaves our warehouse today.",
    "The label is attached. Please drop the parcel at any post office; the refund takes three working days.",
    "We have {shoe} in {size} in our {city} shop. Shall I put a pair aside for you?",
    "Your refund was issued this morning and should be on your account by Thursday.",
    "I have asked the maker and will write again as soon as there is an answer.",
)
CUSTOMER_REPLIES = (
    "Thanks for the quick answer! The photograph is attached.",
    "It is pair number two with the same problem. I would rather have my money back.",
    "Perfect, that works for me. See you at the {race}!",
    "Any news? The {race} is getting close.",
    "The parcel arrived today, size {size} fits. Thank you!",
)
INTERNAL_NOTES = (
    "Third complaint about the {part} of {shoe} this month. Tell the maker?",
    "Customer is a regular; be generous.",
    "Stock says two pairs of {size}, the shelf says none. Counting tomorrow.",
    "Photograph shows clear outdoor wear. I would refuse.",
    "Called the customer, left a message.",
)
HASHTAGS = list_words(
    "carbon-plate|VIP|marathon|refund|exchange|Photo-Missing|courier|customs|club|fit|wide-feet|"
    "goodwill|rückruf|überfällig|repeat|stock|voucher|10_km"
)
WATCHLISTS = (
    "Marathon season",
    "Recall of the Carbon Flyer",
    "Ask the maker",
    "Rückfragen",
    "For the Monday meeting",
    "Goodwill cases",
    "Big orders",
    "Learn from these",
    "Couriers",
    "Marathon season",  # two lists of one name: the second is somebody's own
)


def fill_text(rng: random.Random, template: str) -> str:
    """Return a template with each word in braces drawn from its list."""
    return template.format_map({name: rng.choice(choices) for name, choices in WORDS.items()})
