"""A reply in another language than the customer's is seen; one that cannot be told is left alone."""

import pytest
from agent_cases import ARTICLES
from hypothesis import given
from hypothesis import strategies as st

from agents.checks.language import language_of, speaks

SENTENCES = {
    "en": (
        "Open the settings and choose the account that you want to remove.",
        "Please restart the program and try to send the message again.",
        "I am sorry about the trouble. You will find your invoice in the portal.",
        "Thank you for your question. The family plan is for four people.",
    ),
    "de": (
        "Öffnen Sie die Einstellungen und wählen Sie das Konto aus.",
        "Bitte starten Sie das Programm neu und senden Sie die Nachricht noch einmal.",
        "Es tut uns leid, dass die Rechnung nicht bei Ihnen angekommen ist.",
        "Vielen Dank für Ihre Frage. Der Tarif ist für vier Personen.",
    ),
    "fr": (
        "Ouvrez les paramètres et choisissez le compte que vous voulez supprimer.",
        "Veuillez redémarrer le programme et envoyer de nouveau votre message.",
        "Nous sommes désolés pour ce problème avec votre facture.",
        "Merci pour votre question. La formule est pour quatre personnes.",
    ),
    "es": (
        "Abra la configuración y elija la cuenta que quiere eliminar.",
        "Reinicie el programa y vuelva a enviar el mensaje, por favor.",
        "Sentimos el problema con su factura y lo vamos a resolver.",
        "Gracias por su pregunta. El plan es para cuatro personas.",
    ),
    "it": (
        "Apra le impostazioni e scelga il conto che vuole eliminare.",
        "Riavvii il programma e provi a inviare di nuovo il messaggio.",
        "Ci dispiace per il problema con la sua fattura.",
        "Grazie per la sua domanda. Il piano è per quattro persone.",
    ),
    "nl": (
        "Open de instellingen en kies het account dat u wilt verwijderen.",
        "Start het programma opnieuw en probeer het bericht nog een keer te sturen.",
        "Het spijt ons dat de factuur niet bij u is aangekomen.",
        "Dank voor uw vraag. Het abonnement is voor vier personen.",
    ),
    "pt": (
        "Abra as definições e escolha a conta que quer remover.",
        "Reinicie o programa e envie a mensagem de novo, por favor.",
        "Lamentamos o problema com a sua fatura e vamos resolver.",
        "Obrigado pela sua pergunta. O plano é para quatro pessoas.",
    ),
    "ru": ("Откройте настройки и выберите учётную запись.", "Спасибо за ваш вопрос, мы его решим."),
    "ja": ("設定を開いて、削除するアカウントを選択してください。",),
    "zh": ("请打开设置并选择要删除的帐户。",),
    "el": ("Ανοίξτε τις ρυθμίσεις και επιλέξτε τον λογαριασμό.",),
    "ar": ("افتح الإعدادات واختر الحساب الذي تريد حذفه.",),
    "ko": ("설정을 열고 삭제할 계정을 선택하십시오.",),
}
PAIRS = [(code, text) for code, many in SENTENCES.items() for text in many]


@pytest.mark.parametrize(("code", "text"), PAIRS)
def test_a_sentence_is_in_its_language(code: str, text: str) -> None:
    assert speaks(text, code)


@pytest.mark.parametrize(("code", "text"), PAIRS)
def test_and_in_no_unrelated_one(code: str, text: str) -> None:
    romance = {"es", "it", "pt", "fr"}
    for other in {"en", "de", "fr", "ru", "ja"} - {code}:
        if not {code, other} <= romance:
            assert not speaks(text, other), other


def test_related_languages_are_told_apart_in_longer_texts() -> None:
    for code, other in (("es", "pt"), ("pt", "es"), ("it", "es"), ("de", "nl"), ("nl", "de")):
        assert not speaks(" ".join(SENTENCES[code]), other)


def test_articles_are_in_english_whatever_their_product_names() -> None:
    for article in ARTICLES:
        assert speaks(article.body, "en")


@pytest.mark.parametrize("text", ["", "OK", "12345", "→ [1] https://help.example/x", "Firefox 128 ESR"])
def test_what_cannot_be_told_is_not_wrong(text: str) -> None:
    assert language_of(text) is None
    assert speaks(text, "en")


@given(st.text(max_size=200), st.sampled_from(["en", "de", "sw"]))
def test_any_text_gets_an_answer(text: str, code: str) -> None:
    assert speaks(text, code) in (True, False)
