"""The pipeline: cited answers, abstention, and hard triggers that no confidence overrules."""

import asyncio
from dataclasses import dataclass, replace

import pytest
from agent_cases import ARTICLES, knowledge, ticket, triaged, turns
from hypothesis import given
from hypothesis import strategies as st

from agents.contract import Action, Reply, Ticket, Usage
from agents.extractive import ExtractiveModel
from agents.knowledge import KnowledgeBase
from agents.models import Draft, Question
from agents.pipeline import PipelineAgent, extractive_agent
from agents.roles.handoff import MAX_WORDS, word_count
from agents.roles.triage import triage
from agents.text import sentences
from agents.tools import NO_TOOLS
from policies.vocabulary import Sentiment


@dataclass
class Parrot:
    """A model that always says the same, and counts how often it was asked."""

    draft: Draft
    asked: int = 0
    name: str = "parrot"

    async def complete(self, question: Question) -> Draft:
        self.asked += 1
        return replace(self.draft, cited=question.passages[:1])


def answer(agent: PipelineAgent, one: Ticket) -> Reply:
    return asyncio.run(agent.answer(one, triage(one), NO_TOOLS))


def with_model(text: str, confidence: float | None = 0.9) -> tuple[PipelineAgent, Parrot]:
    parrot = Parrot(Draft(text, confidence, usage=Usage(10, 20, 0.01, model="parrot")))
    return replace(extractive_agent(knowledge()), model=parrot), parrot


class TestExtractive:
    def test_it_answers_with_sentences_of_the_article_and_cites_it(self) -> None:
        reply = answer(
            extractive_agent(knowledge()), ticket("I forgot my password, how do I choose a new one?")
        )
        assert reply.action is Action.REPLY
        assert [source.source_id for source in reply.sources] == ["reset-password"]
        assert "Open the sign in page and choose Forgot password. [1]" in reply.text
        assert "[1] Reset your password: https://help.example/reset-password" in reply.text
        assert reply.usage.cost_usd == 0

    def test_every_sentence_about_the_matter_stands_in_a_retrieved_passage(self) -> None:
        said = "\n".join(article.body.replace("# Reset\n\n", "") for article in ARTICLES)
        for text in ("I forgot my password, choose a new one?", "what does the family plan cost per month?"):
            reply = answer(extractive_agent(knowledge(), min_confidence=0.3), ticket(text))
            quoted = [line[:-4] for line in reply.text.splitlines() if line.endswith("]")]
            assert quoted
            assert set(quoted) <= set(sentences(said))

    def test_it_abstains_when_nothing_is_close(self) -> None:
        reply = answer(
            extractive_agent(knowledge()), ticket("How do I train my dog to fetch a stick in the garden?")
        )
        assert reply.action is Action.HAND_OFF
        assert reply.reasons == ("low-retrieval-confidence",)
        assert reply.text == ""

    def test_it_is_not_sure_of_a_distant_article(self) -> None:
        agent = extractive_agent(knowledge(), min_relevance=0.1, min_confidence=0.9)
        assert answer(agent, ticket("the link in the message is blue")).reasons == ("low-confidence",)

    @pytest.mark.parametrize(
        ("sentiment", "opens"),
        [
            (Sentiment.ANGRY, "I am sorry about"),
            (Sentiment.FRUSTRATED, "I am sorry this"),
            (Sentiment.NEUTRAL, "Thank"),
        ],
    )
    def test_frustration_is_acknowledged_first(self, sentiment: Sentiment, opens: str) -> None:
        base = knowledge()
        model = ExtractiveModel(idf=base.idf, min_relevance=0.1)
        passages = base.search(["password", "forgot"], at=ticket().opened_at)
        draft = asyncio.run(model.complete(Question(ticket(), triaged(sentiment=sentiment), passages)))
        assert draft.text.splitlines()[2].startswith(opens)

    @given(st.text(max_size=120))
    def test_the_same_question_gets_the_same_answer(self, text: str) -> None:
        agent = extractive_agent(_BASE, min_relevance=0.2, min_confidence=0.2)
        one = ticket(f"password printer plan {text}")
        assert answer(agent, one) == answer(agent, one)

    def test_other_knowledge_or_thresholds_make_another_version(self) -> None:
        version = extractive_agent(knowledge()).version
        assert version == extractive_agent(knowledge()).version
        assert version != extractive_agent(KnowledgeBase(ARTICLES[:-1])).version
        assert version != extractive_agent(knowledge(), min_confidence=0.61).version


_BASE = knowledge()


class TestHandOff:
    @given(
        st.sampled_from(["My lawyer will write", "My account was hacked", "let me talk to a human"]),
        st.text(),
    )
    def test_hard_triggers_run_before_the_model_and_confidence_never_overrules_them(
        self, threat: str, noise: str
    ) -> None:
        agent, parrot = with_model("Of course!", confidence=1.0)
        reply = answer(agent, ticket(f"{threat}\n{noise}"))
        assert reply.action is Action.HAND_OFF
        assert parrot.asked == 0

    def test_a_hand_off_carries_a_short_packet_with_what_was_retrieved(self) -> None:
        reply = answer(
            extractive_agent(knowledge()), ticket("I forgot my password. My lawyer will write to you.")
        )
        assert reply.packet is not None
        assert "Reset your password" in reply.packet.knowledge
        assert word_count(reply.packet) <= MAX_WORDS

    def test_an_invented_price_never_leaves(self) -> None:
        agent, _ = with_model("The family plan costs 99 EUR per month.")
        reply = answer(agent, ticket("what does the family plan cost?"))
        assert (reply.action, reply.text) == (Action.HAND_OFF, "")
        assert reply.violations == ("ungrounded_specific_claim:price",)
        assert reply.reasons == ("reply-broke-a-rule",)
        assert reply.usage.cost_usd == 0.01

    def test_the_customers_own_numbers_may_be_repeated(self) -> None:
        agent, _ = with_model("I see order 4711.")
        assert answer(agent, ticket("where is my order 4711?")).action is Action.REPLY

    @pytest.mark.parametrize("confidence", [float("nan"), float("inf"), -0.1, 1.1])
    def test_a_confidence_that_is_no_share_voids_the_draft(self, confidence: float) -> None:
        agent, _ = with_model("Yes, that works.", confidence)
        assert answer(agent, ticket()).reasons == ("unusable-model-output",)

    @pytest.mark.parametrize(("text", "confidence"), [("", 0.9), (" \n", 0.9), ("Yes.", 0.1), ("Yes.", None)])
    def test_no_text_or_no_confidence_is_not_an_answer(self, text: str, confidence: float | None) -> None:
        agent, _ = with_model(text, confidence)
        assert answer(agent, ticket()).reasons == ("low-confidence",)

    def test_the_fifth_reply_is_a_humans(self) -> None:
        agent, parrot = with_model("Yes.")
        assert answer(agent, ticket(turns=turns(*["fine"] * 9))).reasons == ("max-turns-reached",)
        assert parrot.asked == 0

    def test_another_language_is_left_to_somebody_who_speaks_it(self) -> None:
        reply = answer(
            extractive_agent(knowledge()), ticket("Come reimposto la mia password?", language="it")
        )
        assert reply.reasons == ("language-unsupported",)
